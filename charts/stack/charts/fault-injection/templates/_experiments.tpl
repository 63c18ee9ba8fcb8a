{{- /* The experiments of the recipe, each filled up from the table: {{ include "fault-injection.experiments" . | fromYamlArray }} */ -}}
{{- define "fault-injection.experiments" -}}
{{- $table := (.Files.Get "experiments.yaml" | fromYaml).experiments -}}
{{- $found := list -}}
{{- range .Values.experiments -}}
{{- $found = append $found (merge (dict) . (get $table .name)) -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- /* Not empty when one of the experiments does this: {{ include "fault-injection.does" (list . "partition") }} */ -}}
{{- define "fault-injection.does" -}}
{{- $action := index . 1 -}}
{{- range include "fault-injection.experiments" (index . 0) | fromYamlArray -}}
{{- if eq .action $action -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What the experiments name under a key, sorted: {{ include "fault-injection.named" (list . "node") | fromYamlArray }} */ -}}
{{- define "fault-injection.named" -}}
{{- $key := index . 1 -}}
{{- $found := list -}}
{{- range (index . 0).Values.experiments -}}
{{- with get . $key -}}
{{- $found = append $found . -}}
{{- end -}}
{{- end -}}
{{- uniq $found | sortAlpha | toYaml -}}
{{- end -}}

{{- /* Names of the workloads of one kind that are scaled to 0 and back.
       {{ include "fault-injection.workloads" (list . "Deployment") | fromYamlArray }} */ -}}
{{- define "fault-injection.workloads" -}}
{{- $kind := index . 1 -}}
{{- $found := list -}}
{{- range (index . 0).Values.experiments -}}
{{- if and .workload (eq (.workload | default dict).kind $kind) -}}
{{- $found = append $found .workload.name -}}
{{- end -}}
{{- end -}}
{{- uniq $found | sortAlpha | toYaml -}}
{{- end -}}

{{- /* Seconds after which Kubernetes ends the Job: more than the script needs where everything takes as long as it may, so
       that the script comes to its own end and undoes what it did. {{ include "fault-injection.deadline" . }} */ -}}
{{- define "fault-injection.deadline" -}}
{{- $seconds := 7800 -}}
{{- range include "fault-injection.experiments" . | fromYamlArray -}}
{{- $seconds = add $seconds (int64 .maxRecoverySeconds) (.holdSeconds | default 0 | int64) 1200 -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}
