{{- /* Spec of the Job: {{ include "platform-ready.jobSpec" . }} */ -}}
{{- define "platform-ready.jobSpec" -}}
# The script tries again by itself.
backoffLimit: 0
# Pulling the image takes some of it.
activeDeadlineSeconds: {{ add (int64 .Values.timeoutSeconds) 120 }}
template:
  metadata:
    labels:
      {{- include "platform-ready.labels" . | nindent 6 }}
    annotations:
      checksum/script: {{ .Files.Get "files/wait.py" | sha256sum }}
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "platform-ready.name" . | quote }}
    # The one thing it may do is in its Role.
    automountServiceAccountToken: true
    enableServiceLinks: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      seccompProfile:
        type: RuntimeDefault
    containers:
      - name: wait
        image: {{ .Values.image | quote }}
        imagePullPolicy: IfNotPresent
        command: [python, /scripts/wait.py]
        env:
          - name: GRAPH
            value: {{ include "platform-ready.graph" . | fromYaml | toJson | quote }}
          - name: TIMEOUT_SECONDS
            value: {{ int64 .Values.timeoutSeconds | quote }}
        resources:
          requests:
            cpu: 50m
            memory: 64Mi
          limits:
            memory: 64Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
        volumeMounts:
          - name: script
            mountPath: /scripts
            readOnly: true
    volumes:
      - name: script
        configMap:
          name: {{ include "platform-ready.name" . | quote }}
{{- end -}}
