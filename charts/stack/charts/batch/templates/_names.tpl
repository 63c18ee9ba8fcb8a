{{- /* Name of the graph. The release name of this chart is another: {{ include "batch.graph" . }} */ -}}
{{- define "batch.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "batch.labels" . }} */ -}}
{{- define "batch.labels" -}}
app.kubernetes.io/name: batch
app.kubernetes.io/instance: {{ include "batch.graph" . | quote }}
app.kubernetes.io/component: "batch"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
