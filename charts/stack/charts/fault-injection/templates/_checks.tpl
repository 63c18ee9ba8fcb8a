{{- /* Prints nothing; refuses settings that name another graph than the one at hand, and experiments that lack something or
       have something without effect. The script holds itself to the same before it breaks anything.
       {{ include "fault-injection.check" . }} */ -}}
{{- define "fault-injection.check" -}}
{{- $data := .Files.Get "experiments.yaml" | fromYaml -}}
{{- $target := printf "%s/%s" .Release.Namespace (include "fault-injection.graph" .) -}}
{{- if has .Release.Namespace $data.refusedNamespaces -}}
{{- fail (printf "fault-injection: nothing is broken in namespace %s, which belongs to the cluster" .Release.Namespace) -}}
{{- end -}}
{{- if ne .Values.acknowledge $target -}}
{{- fail (printf "fault-injection: acknowledge is %q; to break %s, write acknowledge: %s" .Values.acknowledge $target $target) -}}
{{- end -}}
{{- if not (has .Release.Namespace .Values.allowedNamespaces) -}}
{{- fail (printf "fault-injection: namespace %s is not among allowedNamespaces" .Release.Namespace) -}}
{{- end -}}
{{- if not .Values.experiments -}}
{{- fail "fault-injection: experiments is empty, so there is nothing to do" -}}
{{- end -}}
{{- $names := list -}}
{{- range $given := .Values.experiments -}}
{{- if has .name $names -}}
{{- fail (printf "fault-injection: %s stands twice" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- $row := get $data.experiments .name -}}
{{- range $row.requires -}}
{{- if not (get $given .) -}}
{{- fail (printf "fault-injection: %s needs %s" $given.name .) -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := omit $given "name" "maxRecoverySeconds" -}}
{{- if not (or (kindIs "invalid" $value) (has $key ($row.keys | default list))) -}}
{{- fail (printf "fault-injection: %s does not take %s" $given.name $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
