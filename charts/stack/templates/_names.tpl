{{- /* Name of the graph: {{ include "stack.graph" . }} */ -}}
{{- define "stack.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}
