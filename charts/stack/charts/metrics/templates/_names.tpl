{{- /* Name of the graph, and the beginning of every other name: {{ include "metrics.graph" . }} */ -}}
{{- define "metrics.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Dynamo's own namespace of the graph, by which its metrics are told from others; the operator puts it together in
       the same way. {{ include "metrics.dynamoNamespace" . }} */ -}}
{{- define "metrics.dynamoNamespace" -}}
{{- .Values.global.dynamoNamespace | default (printf "%s-%s" .Release.Namespace (include "metrics.graph" .)) -}}
{{- end -}}
