{{- /* What is measured, complete. A recipe may leave `config` empty, and some releases of Helm then take the defaults in
       values.yaml away with it, so they stand here a second time. `isl` and `osl` become the one shape where none is
       listed. {{ include "benchmark.config" . | fromYaml }} */ -}}
{{- define "benchmark.config" -}}
{{- $defaults := dict "concurrency" (list 1 8 32) "requestsPerConcurrency" 10 "args" list -}}
{{- $config := merge (dict) (.Values.config | default dict) $defaults -}}
{{- $shape := dict "isl" ($config.isl | default 1024 | int64) "osl" ($config.osl | default 128 | int64) -}}
{{- if $config.trace -}}
{{- pick $config "args" "trace" | toYaml -}}
{{- else -}}
{{- $shapes := $config.shapes | default (list $shape) -}}
{{- merge (dict "shapes" $shapes) (pick $config "args" "concurrency" "requestsPerConcurrency") | toYaml -}}
{{- end -}}
{{- end -}}

{{- /* The same for the script, as JSON; a trace's own lines reach it as a file: {{ include "benchmark.settings" . }} */ -}}
{{- define "benchmark.settings" -}}
{{- $config := include "benchmark.config" . | fromYaml -}}
{{- if $config.trace -}}
{{- set $config "trace" (omit $config.trace "content") | toJson -}}
{{- else -}}
{{- $config | toJson -}}
{{- end -}}
{{- end -}}

{{- /* The trace's own lines; empty when it has none: {{ include "benchmark.lines" . }} */ -}}
{{- define "benchmark.lines" -}}
{{- /* Not by way of YAML, which takes the last line break. */ -}}
{{- ((.Values.config | default dict).trace | default dict).content | default "" -}}
{{- end -}}

{{- /* File of the trace in the container; empty without a trace: {{ include "benchmark.traceFile" . }} */ -}}
{{- define "benchmark.traceFile" -}}
{{- $trace := (include "benchmark.config" . | fromYaml).trace | default dict -}}
{{- if $trace.content -}}
/scripts/trace.jsonl
{{- else if $trace.configMapRef -}}
{{- printf "/trace/%s" ($trace.key | default "trace.jsonl") -}}
{{- end -}}
{{- end -}}
