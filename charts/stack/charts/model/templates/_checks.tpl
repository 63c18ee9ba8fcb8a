{{- /* Prints nothing; refuses what would be dropped without a word, as recipegen does before it comes here.
       {{ include "model.checks" . }} */ -}}
{{- define "model.checks" -}}
{{- include "model.checkEngine" (list . "engine" .Values.engine) -}}
{{- include "model.checkEndpointPicker" . -}}
{{- range $role := list "worker" "prefill" "decode" -}}
{{- $block := index $.Values $role -}}
{{- if has $role $.roles -}}
{{- include "model.checkEngine" (list $ (printf "%s.engine" $role) ($block | default dict).engine) -}}
{{- else if not (kindIs "invalid" $block) -}}
{{- $mode := $.Values.disaggregation -}}
{{- fail (printf "%s has no effect while disaggregation is %t: set disaggregation to %t, or remove the block" $role $mode (not $mode)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.modelExpressUrl (not .Values.mocker) (not .backend.modelExpress) -}}
{{- fail (printf "modelExpressUrl: how %s loads through Model Express is not known to this chart: leave it out" .Values.backend.type) -}}
{{- end -}}
{{- if and .Values.cache.s3 .Values.cache.claim -}}
{{- fail "cache.claim has no effect beside cache.s3: remove one of the two" -}}
{{- end -}}
{{- end -}}

{{- /* Refuses engine settings that the backend has no option for: {{ include "model.checkEngine" (list . "engine" .Values.engine) }} */ -}}
{{- define "model.checkEngine" -}}
{{- $root := index . 0 -}}
{{- $path := index . 1 -}}
{{- $backend := $root.backend -}}
{{- range $field, $value := index . 2 -}}
{{- $known := or (eq $field "args") (hasKey $backend.flags $field) (hasKey $backend.switches $field) (hasKey $backend.extras $field) -}}
{{- if not (or $known (kindIs "invalid" $value)) -}}
{{- fail (printf "%s.%s: %s has no option for it: use %s.args, or an extraConfig with the engine's own key" $path $field $root.Values.backend.type $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
