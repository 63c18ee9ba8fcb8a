{{- /* Arguments of Dynamo's mocker for what one role's engine is told: those that the backend's table `mocker` has, in its
       spelling. {{ include "model.mockerArguments" (list . "worker") }} */ -}}
{{- define "model.mockerArguments" -}}
{{- $root := index . 0 -}}
{{- $backend := $root.backend -}}
{{- $tokens := include "model.workerArguments" . | fromYamlArray -}}
{{- $args := list -}}
{{- range $i, $token := $tokens -}}
{{- $parts := splitn "=" 2 $token -}}
{{- $option := $parts._0 -}}
{{- if hasKey $backend.mocker.options $option -}}
{{- $args = append $args (get $backend.mocker.options $option) -}}
{{- $following := rest (slice $tokens $i) | first | default "-" -}}
{{- if $parts._1 -}}
{{- $args = append $args $parts._1 -}}
{{- else if not (hasPrefix "-" $following) -}}
{{- $args = append $args $following -}}
{{- end -}}
{{- else if hasKey $backend.mocker.switches $option -}}
{{- $args = append $args (get $backend.mocker.switches $option) -}}
{{- end -}}
{{- end -}}
{{- concat $args (list "--engine-type" $root.Values.backend.type) | toYaml -}}
{{- end -}}

{{- /* One role's workers as mockers: nothing of what only a GPU, its node or its weights need.
       {{ include "model.mockedWorker" (list . "prefill") | fromYaml }} */ -}}
{{- define "model.mockedWorker" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $block := index $root.Values $role | default dict -}}
role: {{ $role }}
replicas: {{ hasKey $block "replicas" | ternary $block.replicas 1 | int64 }}
scaled: {{ $block.scalingAdapter | default false }}
nodes: 1
command: [python3, -m, dynamo.mocker]
args:
  {{- include "model.mockerArguments" . | nindent 2 }}
env:
  {{- include "model.env" (list $root $block.env list) | nindent 2 }}
resources: {}
configs: []
{{- end -}}
