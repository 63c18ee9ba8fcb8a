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
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Claim that the results are written to; empty when they go with the pod: {{ include "benchmark.claim" . }} */ -}}
{{- define "benchmark.claim" -}}
{{- $results := .Values.results -}}
{{- if $results.claimName -}}
{{- $results.claimName -}}
{{- else if $results.size -}}
{{- include "benchmark.graph" . }}-benchmark-results
{{- end -}}
{{- end -}}
