{{- /* All routes as one list, every field filled in, the model's first: {{ include "gateway.routes" . | fromYamlArray }} */ -}}
{{- define "gateway.routes" -}}
{{- $routes := list (include "gateway.modelRoute" . | fromYaml) -}}
{{- range $name, $backend := .Values.externalBackends -}}
{{- $routes = append $routes (include "gateway.externalRoute" (list $ $name $backend) | fromYaml) -}}
{{- end -}}
{{- toYaml $routes -}}
{{- end -}}

{{- /* The route to the graph: its frontend's Service, or the InferencePool that the operator makes for an endpoint picker.
       {{ include "gateway.modelRoute" . | fromYaml }} */ -}}
{{- define "gateway.modelRoute" -}}
{{- $graph := include "gateway.graph" . -}}
name: {{ $graph | quote }}
component: route
{{- if .Values.modelHeader.enabled }}
headerValue: {{ .Values.modelHeader.value | default .Values.global.model | required "modelHeader.value is missing: the model's name, which recipegen fills in and plain Helm has to be told; or set modelHeader.enabled to false" | quote }}
{{- end }}
rewrite:
  {{- include "gateway.rewrite" (list . "/") | nindent 2 }}
backend:
  {{- if .Values.inferencePool }}
  group: inference.networking.k8s.io
  kind: InferencePool
  name: {{ printf "%s-pool" $graph | quote }}
  {{- else }}
  name: {{ printf "%s-frontend" $graph | quote }}
  {{- end }}
  # The frontend's port, as the operator has it for the Service and for the pool.
  port: 8000
{{- end -}}

{{- /* The route to one external backend: {{ include "gateway.externalRoute" (list . "openai" $backend) | fromYaml }} */ -}}
{{- define "gateway.externalRoute" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 2 -}}
{{- $name := include "gateway.externalName" (list $root (index . 1)) -}}
{{- $rewrite := include "gateway.rewrite" (list $root ($backend.path | default "/")) | fromYaml -}}
{{- if not (or $backend.host $backend.backendRef) -}}
{{- fail (printf "externalBackends.%s needs either host or backendRef" (index . 1)) -}}
{{- end -}}
{{- with $backend.host -}}
{{- $_ := set $rewrite "hostname" . -}}
{{- end -}}
name: {{ $name | quote }}
component: external-route
headerValue: {{ required (printf "externalBackends.%s.model is missing" (index . 1)) $backend.model | quote }}
rewrite:
  {{- toYaml $rewrite | nindent 2 }}
backend:
  {{- $own := dict "name" $name "port" ($backend.port | default 443 | int64) }}
  {{- toYaml (empty $backend.host | ternary $backend.backendRef $own) | nindent 2 }}
{{- end -}}

{{- /* How a request's path changes on its way to a backend, empty where it stays: {{ include "gateway.rewrite" (list . "/api") }} */ -}}
{{- define "gateway.rewrite" -}}
{{- $prefix := (index . 0).Values.pathPrefix -}}
{{- $path := index . 1 -}}
{{- if ne $prefix $path -}}
path:
  type: ReplacePrefixMatch
  replacePrefixMatch: {{ $path | quote }}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{- /* The Gateway as a route's parent: {{ include "gateway.parent" . }} */ -}}
{{- define "gateway.parent" -}}
{{- $parent := dict "name" (include "gateway.name" .) -}}
{{- with .Values.namespace -}}
{{- $_ := set $parent "namespace" . -}}
{{- end -}}
{{- with .Values.sectionName -}}
{{- $_ := set $parent "sectionName" . -}}
{{- end -}}
{{- toYaml $parent -}}
{{- end -}}
