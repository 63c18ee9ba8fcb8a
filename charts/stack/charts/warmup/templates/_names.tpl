{{- /* Name of the graph. The release name of this chart is another: {{ include "warmup.graph" . }} */ -}}
{{- define "warmup.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "warmup.labels" . }} */ -}}
{{- define "warmup.labels" -}}
app.kubernetes.io/name: warmup
app.kubernetes.io/instance: {{ include "warmup.graph" . | quote }}
app.kubernetes.io/component: "warmup"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
