{{- /* Spec of the Job that downloads into the volume. The image is the workers', on the workers' nodes: it is there anyway,
       and a ReadWriteOnce volume stays on their node. {{ include "model.downloadSpec" . }} */ -}}
{{- define "model.downloadSpec" -}}
backoffLimit: 4
activeDeadlineSeconds: 43200
template:
  metadata:
    labels:
      {{- include "model.labels" (list . "download") | nindent 6 }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      # The group that the operator gives the workers.
      fsGroup: 1000
      fsGroupChangePolicy: OnRootMismatch
      seccompProfile:
        type: RuntimeDefault
    {{- with .Values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
      - name: download
        image: {{ include "model.image" . | quote }}
        imagePullPolicy: IfNotPresent
        command:
          - hf
          - download
          - {{ required "name is missing: the model id, ORG/NAME" .Values.name | quote }}
          {{- with .Values.revision }}
          - --revision
          - {{ . | quote }}
          {{- end }}
        {{- with .Values.huggingFaceTokenSecret }}
        envFrom:
          - secretRef:
              name: {{ . | quote }}
        {{- end }}
        env:
          - name: HF_HOME
            value: {{ .Values.cache.mountPath | quote }}
        resources:
          requests:
            cpu: "1"
            memory: 4Gi
          limits:
            memory: 4Gi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: [ALL]
        volumeMounts:
          - name: model-cache
            mountPath: {{ .Values.cache.mountPath | quote }}
    volumes:
      - name: model-cache
        persistentVolumeClaim:
          claimName: {{ include "model.cacheClaim" . | quote }}
{{- end -}}
