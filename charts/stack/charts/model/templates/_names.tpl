{{- /* Name of the graph, and the beginning of every other name: {{ include "model.graph" . }} */ -}}
{{- define "model.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod. Nothing in them changes with a version: {{ include "model.labels" (list . "frontend") }} */ -}}
{{- define "model.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: model
app.kubernetes.io/instance: {{ include "model.graph" $root | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
{{- with $root.Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Labels that tell the pods of one component from all others. Nothing of the recipe's own is among them, for selectors of some
       kinds cannot change: {{ include "model.selector" (list . "frontend") }} */ -}}
{{- define "model.selector" -}}
app.kubernetes.io/name: model
app.kubernetes.io/instance: {{ include "model.graph" (index . 0) | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end -}}

{{- /* The engine's data file, backends/<type>.yaml: asked for by model.prepare alone. {{ include "model.backend" . | fromYaml }} */ -}}
{{- define "model.backend" -}}
{{- .Files.Get (printf "backends/%s.yaml" .Values.backend.type) | required (printf "backend.type %q is none of vllm, sglang, trtllm" .Values.backend.type) -}}
{{- end -}}

{{- /* Dynamo release inside the image: the stated one, else the one that the image's tag names, else the newest. A tag that
       names one that is not known here counts for the newest. Asked for by model.prepare alone.
       {{ include "model.version" . }} */ -}}
{{- define "model.version" -}}
{{- $releases := .Files.Get "releases.yaml" | fromYaml -}}
{{- $version := .Values.backend.version | default $releases.default -}}
{{- if and .Values.backend.image (not .Values.backend.version) -}}
{{- $tag := splitList "@" .Values.backend.image | first | base | splitList ":" | rest | first | default "" -}}
{{- $pattern := "^v?([0-9]+[.][0-9]+[.][0-9]+)([-+.].*)?$" -}}
{{- if not (regexMatch $pattern $tag) -}}
{{- fail (printf "backend.image: the tag does not tell which Dynamo release is inside, got %q: say it with backend.version" .Values.backend.image) -}}
{{- end -}}
{{- $tagged := regexReplaceAll $pattern $tag "${1}" -}}
{{- $version = has $tagged $releases.known | ternary $tagged $version -}}
{{- end -}}
{{- $version -}}
{{- end -}}

{{- /* Image of frontend, workers and download Job; the mocker has none of its own and lies in the planner's.
       {{ include "model.image" . }} */ -}}
{{- define "model.image" -}}
{{- $image := .Values.mocker | ternary "dynamo-planner" .backend.image -}}
{{- $own := printf "%s/%s:%s" .Values.backend.registry $image .version -}}
{{- .Values.mocker | ternary $own (.Values.backend.image | default $own) -}}
{{- end -}}
