{{- /* Spec of the Job: {{ include "troubleshooting.jobSpec" . }} */ -}}
{{- define "troubleshooting.jobSpec" -}}
# Findings are no failure of the Job, and the script tries again by itself.
backoffLimit: 0
# Pulling the image takes some of it.
activeDeadlineSeconds: {{ add (mul 60 (int64 .Values.waitMinutes)) 600 }}
template:
  metadata:
    labels:
      {{- include "troubleshooting.labels" . | nindent 6 }}
    annotations:
      {{- with .Values.global.modelDigest }}
      # Part of the Job's name by way of this text, so that another model is looked at anew.
      checksum/model: {{ . | quote }}
      {{- end }}
      checksum/scripts: {{ include "troubleshooting.scripts" . | sha256sum }}
      recipegen/run: {{ int64 .Values.run | quote }}
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "troubleshooting.name" . | quote }}
    # It reads what its Role says.
    automountServiceAccountToken: true
    enableServiceLinks: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      seccompProfile:
        type: RuntimeDefault
    containers:
      - name: doctor
        image: {{ .Values.image | quote }}
        imagePullPolicy: IfNotPresent
        command: [python, -B, /scripts/run.py]
        env:
          - name: CLUSTER_READ
            value: {{ .Values.clusterRead | quote }}
          - name: DYNAMO_NAMESPACE
            value: {{ .Values.global.dynamoNamespace | default (printf "%s-%s" .Release.Namespace (include "troubleshooting.graph" .)) | quote }}
          - name: GRAPH
            value: {{ include "troubleshooting.graph" . | quote }}
          - name: NAMESPACE
            value: {{ .Release.Namespace | quote }}
          - name: TOKEN_SECRET
            value: {{ .Values.global.huggingFaceTokenSecret | default "" | quote }}
          - name: WAIT_SECONDS
            value: {{ mul 60 (int64 .Values.waitMinutes) | quote }}
        resources:
          requests:
            cpu: 50m
            memory: 128Mi
          limits:
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
        volumeMounts:
          - name: scripts
            mountPath: /scripts
            readOnly: true
    volumes:
      - name: scripts
        configMap:
          name: {{ include "troubleshooting.name" . | quote }}
          items:
            {{- range $path, $_ := include "troubleshooting.scripts" . | fromYaml }}
            - key: {{ replace "/" "." $path | quote }}
              path: {{ $path | quote }}
            {{- end }}
{{- end -}}
