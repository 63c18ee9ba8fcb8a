{{- /* Prints nothing. Works out once for a render what the other helpers ask for again and again, for YAML takes its time, and
       puts it beside .Values: .backend, the engine's data file; .version, the Dynamo release inside the image; .roles, those of
       the workers; .engines, the engine settings of each role; .components, those of the graph. First it refuses what would be dropped without a word.
       {{ include "model.prepare" . }} */ -}}
{{- define "model.prepare" -}}
{{- if not (hasKey . "backend") -}}
{{- $_ := set . "version" (include "model.version" .) -}}
{{- $_ := set . "backend" (include "model.backend" . | fromYaml) -}}
{{- $_ := set . "roles" (.Values.disaggregation | ternary (list "prefill" "decode") (list "worker")) -}}
{{- include "model.checks" . -}}
{{- $engines := dict -}}
{{- range .roles -}}
{{- $engine := dict -}}
{{- include "model.engine" (list $ . $engine) -}}
{{- $_ := set $engines . $engine -}}
{{- end -}}
{{- $_ := set . "engines" $engines -}}
{{- $_ := set . "components" (include "model.components" . | fromYamlArray) -}}
{{- end -}}
{{- end -}}

{{- /* Prints nothing; fills in the engine settings of one role: the block size that KV routing needs, then the shared ones, then
       the role's. {{ include "model.engine" (list . "worker" $engine) }} */ -}}
{{- define "model.engine" -}}
{{- $root := index . 0 -}}
{{- $block := index $root.Values (index . 1) | default dict -}}
{{- $engine := index . 2 -}}
{{- if eq $root.Values.routingPolicy "kv" -}}
{{- $_ := set $engine "blockSize" $root.backend.blockSize -}}
{{- end -}}
{{- /* Not mergeOverwrite: it takes false for "not given". */ -}}
{{- range list $root.Values.engine $block.engine -}}
{{- range $field, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $engine $field $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
