{{- /* Name of the graph. The release name of this chart is another: {{ include "scaling.graph" . }} */ -}}
{{- define "scaling.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "scaling.labels" . }} */ -}}
{{- define "scaling.labels" -}}
app.kubernetes.io/name: scaling
app.kubernetes.io/instance: {{ include "scaling.graph" . | quote }}
app.kubernetes.io/component: "scaling"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
