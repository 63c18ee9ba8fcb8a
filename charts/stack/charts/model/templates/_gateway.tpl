{{- /* The endpoint picker that a gateway asks, every field filled in. It lies in Dynamo's frontend image, whose own command
       the operator has for it. Events of the workers' caches it takes by default.
       {{ include "model.endpointPicker" . | fromYaml }} */ -}}
{{- define "model.endpointPicker" -}}
{{- $engine := first .roles | get .engines -}}
{{- $env := include "model.env" (list . .Values.endpointPicker.env list) | fromYaml -}}
{{- $own := dict "DYN_MODEL_NAME" (include "model.served" .) "DYN_KV_CACHE_BLOCK_SIZE" (include "model.token" $engine.blockSize) -}}
role: epp
replicas: {{ int64 .Values.endpointPicker.replicas }}
image: {{ printf "%s/dynamo-frontend:%s" .Values.backend.registry .version | quote }}
env:
  {{- toYaml (merge $env $own) | nindent 2 }}
resources:
  {{- include "model.resources" (list .Values.endpointPicker.resources dict) | nindent 2 }}
configs: []
nodes: 1
{{- end -}}

{{- /* Container of a worker's pod that the gateway sends requests to, once the picker chose the pod. The image is the
       worker's, which holds the frontend and is on the node already: {{ include "model.sidecar" . }} */ -}}
{{- define "model.sidecar" -}}
name: sidecar-frontend
image: {{ include "model.image" . | quote }}
imagePullPolicy: IfNotPresent
command: [python3]
args: [-m, dynamo.frontend, --router-mode, direct]
{{- with .Values.huggingFaceTokenSecret }}
envFrom:
  - secretRef:
      name: {{ . | quote }}
{{- end }}
{{- with include "model.env" (list . .Values.endpointPicker.sidecar.env list) | fromYaml }}
env:
  {{- range $name, $value := . }}
  - name: {{ $name | quote }}
    value: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- with include "model.resources" (list .Values.endpointPicker.sidecar.resources dict) | fromYaml }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
{{- if include "model.cached" . }}
volumeMounts:
  {{- include "model.cacheMount" . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Prints nothing; refuses an endpoint picker that could not work: {{ include "model.checkEndpointPicker" . }} */ -}}
{{- define "model.checkEndpointPicker" -}}
{{- if .Values.endpointPicker.enabled -}}
{{- if ne .Values.routingPolicy "kv" -}}
{{- fail (printf "endpointPicker needs routingPolicy kv, got %s: workers tell it what they cache" .Values.routingPolicy) -}}
{{- end -}}
{{- if semverCompare "<1.5.0" .version -}}
{{- fail (printf "endpointPicker: that of Dynamo %s is another one, with a configuration of its own: take Dynamo 1.5.0 or newer" .version) -}}
{{- end -}}
{{- end -}}
{{- end -}}
