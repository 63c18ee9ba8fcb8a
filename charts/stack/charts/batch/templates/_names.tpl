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

{{- /* Name of the ConfigMap, the schedule, and the beginning of a Job's: {{ include "batch.name" . }} */ -}}
{{- define "batch.name" -}}
{{- include "batch.graph" . }}-batch
{{- end -}}

{{- /* Claim that the answers are written to: {{ include "batch.claim" . }} */ -}}
{{- define "batch.claim" -}}
{{- $output := .Values.output -}}
{{- $output.claimName | default (printf "%s-output" (include "batch.name" .)) -}}
{{- end -}}

{{- /* The input in the container, a file or an address: {{ include "batch.input" . }} */ -}}
{{- define "batch.input" -}}
{{- $input := .Values.input -}}
{{- if $input.url -}}
{{- $input.url -}}
{{- else if $input.claimName -}}
{{- printf "/input/%s" (required "batch.input.path: the file on the volume" $input.path) -}}
{{- else if $input.configMapRef -}}
{{- printf "/input/%s" ($input.key | default "input.jsonl") -}}
{{- else if $input.content -}}
/scripts/input.jsonl
{{- else -}}
{{- fail "batch.input: say claimName with path, content, configMapRef or url" -}}
{{- end -}}
{{- end -}}

{{- /* Folder of the answers in the container: {{ include "batch.output" . }} */ -}}
{{- define "batch.output" -}}
{{- $output := .Values.output -}}
{{- if not (or $output.claimName $output.size) -}}
{{- fail "batch.output: say claimName or size" -}}
{{- end -}}
{{- printf "/output/%s" ($output.path | default (include "batch.graph" .)) -}}
{{- end -}}

{{- /* Label of the Job that Kueue goes by: {{ include "batch.queueLabel" . }} */ -}}
{{- define "batch.queueLabel" -}}
{{- with .Values.queue -}}
kueue.x-k8s.io/queue-name: {{ . | quote }}
{{- end -}}
{{- end -}}
