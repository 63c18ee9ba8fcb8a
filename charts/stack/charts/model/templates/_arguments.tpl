{{- /* One value as a command-line token. Helm reads every number as a float, which would print a million as 1e+06.
       {{ include "model.token" 1048576 }} */ -}}
{{- define "model.token" -}}
{{- if kindIs "string" . -}}
{{- . -}}
{{- else if eq (float64 .) (floor .) -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- /* Arguments of the frontend, one token each: {{ include "model.frontendArguments" . }} */ -}}
{{- define "model.frontendArguments" -}}
{{- $policy := .Values.routingPolicy -}}
{{- $args := list "-m" "dynamo.frontend" -}}
{{- if ne $policy "none" -}}
{{- $args = concat $args (list "--router-mode" $policy) -}}
{{- end -}}
{{- if eq $policy "kv" -}}
{{- $engine := first .roles | get .engines -}}
{{- $args = concat $args (list "--kv-cache-block-size" (include "model.token" $engine.blockSize)) -}}
{{- if gt (int64 .Values.frontend.replicas) 1 -}}
{{- $args = append $args "--router-replica-sync" -}}
{{- end -}}
{{- end -}}
{{- concat $args .Values.frontend.args | toYaml -}}
{{- end -}}

{{- /* Arguments of one role's workers, one token each: {{ include "model.workerArguments" (list . "worker") }} */ -}}
{{- define "model.workerArguments" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $backend := $root.backend -}}
{{- $engine := get $root.engines $role -}}
{{- $args := list $backend.model (include "model.source" $root) $backend.servedName (include "model.served" $root) -}}
{{- if and $root.Values.revision (not (include "model.cached" $root)) -}}
{{- $args = concat $args (list $backend.revision $root.Values.revision) -}}
{{- end -}}
{{- range $field, $option := $backend.flags -}}
{{- if hasKey $engine $field -}}
{{- $args = concat $args (list $option (include "model.token" (get $engine $field))) (get $backend.extras $field | default list) -}}
{{- end -}}
{{- end -}}
{{- range $field, $tokens := $backend.extras -}}
{{- if and (hasKey $engine $field) (not (hasKey $backend.flags $field)) -}}
{{- $args = concat $args $tokens -}}
{{- end -}}
{{- end -}}
{{- range $field, $switch := $backend.switches -}}
{{- if hasKey $engine $field -}}
{{- $args = concat $args (get $engine $field | ternary $switch.whenTrue $switch.whenFalse | default list) -}}
{{- end -}}
{{- end -}}
{{- $args = concat $args (get $backend.roles $role) -}}
{{- if and (eq $root.Values.routingPolicy "kv") (has $role $backend.kvEventRoles) -}}
{{- $args = concat $args $backend.kvEvents -}}
{{- end -}}
{{- if semverCompare (get $backend.since "metrics" | default "0.0.0" | printf ">=%s") $root.version -}}
{{- $args = concat $args $backend.metrics -}}
{{- end -}}
{{- if $root.Values.modelExpressUrl -}}
{{- $args = concat $args ($backend.modelExpress | default list) -}}
{{- end -}}
{{- range include "model.configs" . | fromYamlArray -}}
{{- if eq .env "DYNAMO_EXTRA_CONFIG" -}}
{{- $args = concat $args (list $backend.configFile .path) -}}
{{- end -}}
{{- end -}}
{{- concat $args ($engine.args | default list) | toYaml -}}
{{- end -}}
