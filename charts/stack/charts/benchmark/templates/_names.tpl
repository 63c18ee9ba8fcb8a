{{- /* Name of the graph that is measured. The release name of this chart is another: {{ include "benchmark.graph" . }} */ -}}
{{- define "benchmark.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "benchmark.labels" . }} */ -}}
{{- define "benchmark.labels" -}}
app.kubernetes.io/name: benchmark
app.kubernetes.io/instance: {{ include "benchmark.graph" . | quote }}
app.kubernetes.io/component: "benchmark"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{- /* What is measured. A recipe may leave `config` empty, and some releases of Helm then take the defaults in values.yaml
       away with it, so they stand here a second time. {{ include "benchmark.config" . | fromYaml }} */ -}}
{{- define "benchmark.config" -}}
{{- $defaults := dict "isl" 1024 "osl" 128 "concurrency" (list 1 8 32) "requestsPerConcurrency" 10 -}}
{{- merge (dict) (.Values.config | default dict) $defaults | toYaml -}}
{{- end -}}
