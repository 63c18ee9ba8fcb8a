{{- /* Name of the graph, and the beginning of every other name: {{ include "gateway.graph" . }} */ -}}
{{- define "gateway.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Name of the Gateway, which is made here or exists: {{ include "gateway.name" . }} */ -}}
{{- define "gateway.name" -}}
{{- $own := .Values.create | ternary (printf "%s-gateway" (include "gateway.graph" .)) "" -}}
{{- .Values.name | default $own | required "name is missing: the existing Gateway that the routes attach to, or set create to true" -}}
{{- end -}}

{{- /* Labels of one object: {{ include "gateway.labels" (list . "route") }} */ -}}
{{- define "gateway.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ include "gateway.graph" $root | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
{{- with $root.Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Name of what belongs to one external backend. A graph has at most 37 characters and a backend 20, so it is a
       Service's name too: {{ include "gateway.externalName" (list . "openai") }} */ -}}
{{- define "gateway.externalName" -}}
{{- printf "%s-api-%s" (include "gateway.graph" (index . 0)) (index . 1) -}}
{{- end -}}
