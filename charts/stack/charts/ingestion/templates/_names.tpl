{{- /* Name of the graph. The release name of this chart is another: {{ include "ingestion.graph" . }} */ -}}
{{- define "ingestion.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "ingestion.labels" . }} */ -}}
{{- define "ingestion.labels" -}}
app.kubernetes.io/name: ingestion
app.kubernetes.io/instance: {{ include "ingestion.graph" . | quote }}
app.kubernetes.io/component: "ingestion"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
