{{- /* Spec of the Job: {{ include "ingestion.jobSpec" . }} */ -}}
{{- define "ingestion.jobSpec" -}}
backoffLimit: 5
activeDeadlineSeconds: {{ int64 .Values.deadlineSeconds }}
{{- if .Values.scan.enabled }}
podFailurePolicy:
  rules:
    # What a scanner has found, it finds again.
    - action: FailJob
      onExitCodes:
        containerName: scan
        operator: In
        values: [1]
{{- end }}
template:
  metadata:
    labels:
      {{- include "ingestion.labels" . | nindent 6 }}
    annotations:
      # Part of the Job's name by way of this text.
      checksum/scripts: {{ include "ingestion.scripts" . | sha256sum }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      fsGroup: 1000
      fsGroupChangePolicy: OnRootMismatch
      seccompProfile:
        type: RuntimeDefault
    # One after the other: each begins when the one before it has ended well.
    initContainers:
      {{- include "ingestion.download" . | nindent 6 }}
      {{- if .Values.scan.enabled }}
      {{- include "ingestion.scan" . | nindent 6 }}
      {{- end }}
      {{- if .Values.convert }}
      {{- include "ingestion.convert" . | nindent 6 }}
      {{- end }}
    containers:
      {{- include "ingestion.upload" . | nindent 6 }}
    volumes:
      - name: work
        persistentVolumeClaim:
          claimName: {{ printf "%s-ingestion" (include "ingestion.graph" .) | quote }}
      - name: scripts
        configMap:
          name: {{ printf "%s-ingestion" (include "ingestion.graph" .) | quote }}
      - name: tmp
        emptyDir: {}
{{- end -}}

{{- /* The scripts of all steps as one text: {{ include "ingestion.scripts" . }} */ -}}
{{- define "ingestion.scripts" -}}
{{- range list "download" "scan" "convert" "upload" -}}
{{- $.Files.Get (printf "files/%s.sh" .) -}}
{{- end -}}
{{- end -}}

{{- /* Place of this model on the volume, another one for another source: {{ include "ingestion.folder" . }} */ -}}
{{- define "ingestion.folder" -}}
{{- printf "/work/%s" (toJson .Values.source | sha256sum | trunc 8) -}}
{{- end -}}

{{- /* What every step has in common: {{ include "ingestion.step" . }} */ -}}
{{- define "ingestion.step" -}}
imagePullPolicy: IfNotPresent
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
# What it says last is in `kubectl describe pod`.
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: work
    mountPath: /work
  - name: scripts
    mountPath: /scripts
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{- /* The recipe's own variables: {{ include "ingestion.ownEnv" . }} */ -}}
{{- define "ingestion.ownEnv" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}
