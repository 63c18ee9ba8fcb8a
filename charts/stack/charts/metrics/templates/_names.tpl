{{- /* Name of the graph, and the beginning of every other name: {{ include "metrics.graph" . }} */ -}}
{{- define "metrics.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Dynamo's own namespace of the graph, by which its metrics are told from others; the operator puts it together in
       the same way. {{ include "metrics.dynamoNamespace" . }} */ -}}
{{- define "metrics.dynamoNamespace" -}}
{{- .Values.global.dynamoNamespace | default (printf "%s-%s" .Release.Namespace (include "metrics.graph" .)) -}}
{{- end -}}

{{- /* What the label dynamo_namespace of the graph's metrics matches. A frontend's comes from its pod, and an engine's own has
       dashes as well; what Dynamo's runtime writes has underscores. During a rollout the workers' ends in the hash of their
       generation. {{ include "metrics.namespaces" . }} */ -}}
{{- define "metrics.namespaces" -}}
{{- include "metrics.dynamoNamespace" . | replace "-" "[_-]" -}}
([_-][0-9a-f]{8})?
{{- end -}}

{{- /* What the names of the workers' pods match, for metrics that tell nothing else of the graph: made by a Deployment, by Grove
       with the replica's number in it, or in a scaling group. Unverified. {{ include "metrics.pods" . }} */ -}}
{{- define "metrics.pods" -}}
{{- include "metrics.graph" . -}}
-([0-9]+-)?(worker|prefill|decode)-.+
{{- end -}}

{{- /* Labels of one object: {{ include "metrics.labels" (list . "dashboards" .Values.dashboardLabels) }} */ -}}
{{- define "metrics.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: metrics
app.kubernetes.io/instance: {{ include "metrics.graph" $root | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
{{- range $name, $value := merge (dict) (index . 2) ($root.Values.global.labels | default dict) }}
{{ $name | quote }}: {{ $value | quote }}
{{- end }}
{{- end -}}
