{{- /* All components of the graph as one list, frontend first, endpoint picker last: {{ include "model.components" . | fromYamlArray }} */ -}}
{{- define "model.components" -}}
{{- $components := list (include "model.frontend" . | fromYaml) -}}
{{- range .roles -}}
{{- $worker := $.Values.mocker | ternary "model.mockedWorker" "model.worker" -}}
{{- $components = append $components (include $worker (list $ .) | fromYaml) -}}
{{- end -}}
{{- if .Values.endpointPicker.enabled -}}
{{- $components = append $components (include "model.endpointPicker" . | fromYaml) -}}
{{- end -}}
{{- toYaml $components -}}
{{- end -}}

{{- /* The frontend, every field filled in: {{ include "model.frontend" . | fromYaml }} */ -}}
{{- define "model.frontend" -}}
role: frontend
replicas: {{ int64 .Values.frontend.replicas }}
# The operator merges the container into one whose arguments start the frontend. An empty list would leave those in place,
# so the module belongs to the arguments here.
command: [python3]
args:
  {{- include "model.frontendArguments" . | nindent 2 }}
env:
  {{- include "model.env" (list . .Values.frontend.env list) | nindent 2 }}
resources:
  {{- include "model.resources" (list .Values.frontend.resources dict) | nindent 2 }}
configs: []
nodes: 1
{{- end -}}

{{- /* The workers of one role, every field filled in: {{ include "model.worker" (list . "prefill") | fromYaml }} */ -}}
{{- define "model.worker" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $block := index $root.Values $role | default dict -}}
{{- $configs := include "model.configs" . | fromYamlArray -}}
{{- $gpus := dict $root.Values.gpuResource (include "model.gpus" .) -}}
role: {{ $role }}
# Zero is a number of replicas too, so `default` will not do.
replicas: {{ hasKey $block "replicas" | ternary $block.replicas 1 | int64 }}
scaled: {{ $block.scalingAdapter | default false }}
nodes: {{ $block.nodes | default 1 | int64 }}
command: [python3, -m, {{ $root.backend.module }}]
args:
  {{- include "model.workerArguments" . | nindent 2 }}
env:
  {{- $env := merge (dict) ($block.env | default dict) (include "model.expressEnv" $root | fromYaml) }}
  {{- include "model.env" (list $root $env $configs) | nindent 2 }}
resources:
  {{- include "model.resources" (list $block.resources $gpus) | nindent 2 }}
configs:
  {{- toYaml $configs | nindent 2 }}
{{- with $block.sharedMemory }}
sharedMemory: {{ . | quote }}
{{- end }}
nodeSelector:
  {{- toYaml ($root.Values.nodeSelector | default dict) | nindent 2 }}
tolerations:
  {{- toYaml ($root.Values.tolerations | default list) | nindent 2 }}
{{- end -}}

{{- /* Environment of workers that load through Model Express, name to text. Without a volume of their own the server streams
       what it has downloaded; with one, each worker loads from that unless another has the weights on its GPU.
       {{ include "model.expressEnv" . | fromYaml }} */ -}}
{{- define "model.expressEnv" -}}
{{- with .Values.modelExpressUrl -}}
MODEL_EXPRESS_URL: {{ . | quote }}
{{- if not (include "model.cached" $) }}
MODEL_EXPRESS_NO_SHARED_STORAGE: "1"
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* GPUs of one replica on each node: what the role says, else what its parallel sizes need, spread over its nodes.
       {{ include "model.gpus" (list . "worker") }} */ -}}
{{- define "model.gpus" -}}
{{- $root := index . 0 -}}
{{- $block := index $root.Values (index . 1) | default dict -}}
{{- $engine := get $root.engines (index . 1) -}}
{{- $gpus := 1 -}}
{{- range $root.backend.gpuFactors -}}
{{- $gpus = mul $gpus (get $engine . | default 1 | int64) -}}
{{- end -}}
{{- $nodes := $block.nodes | default 1 | int64 -}}
{{- if and (not $block.gpus) (mod $gpus $nodes) -}}
{{- fail (printf "%s: %d GPUs cannot be spread evenly over %d nodes" (index . 1) $gpus $nodes) -}}
{{- end -}}
{{- $block.gpus | default (div $gpus $nodes) | int64 -}}
{{- end -}}

{{- /* Configuration files of one role, every field filled in. The first of the pair of forms is the proposal's.
       {{ include "model.configs" (list . "worker") | fromYamlArray }} */ -}}
{{- define "model.configs" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $block := index $root.Values $role | default dict -}}
{{- $entries := $block.extraConfigs | default list -}}
{{- if kindIs "map" $block.extraConfig -}}
{{- $entries = prepend $entries $block.extraConfig -}}
{{- end -}}
{{- $configs := list -}}
{{- range $i, $entry := $entries -}}
{{- $volume := eq $i 0 | ternary "config" (printf "config-%d" $i) -}}
{{- $path := $entry.path | default "/opt/dynamo/model/config.yaml" -}}
{{- $config := dict "volume" $volume "path" $path "key" ($entry.key | default (base $path)) "env" ($entry.env | default "DYNAMO_EXTRA_CONFIG") -}}
{{- if $entry.configMapRef -}}
{{- $_ := set $config "configMap" $entry.configMapRef.name -}}
{{- else -}}
{{- $content := required (printf "%s: a configuration file needs either configMapRef or content" $role) $entry.content -}}
{{- $_ := set $config "configMap" (printf "%s-%s-%s" (include "model.graph" $root) $role $volume) -}}
{{- /* toYaml leaves out the last newline, which may be the end of a value. */ -}}
{{- $_ := set $config "content" (kindIs "string" $content | ternary $content (toYaml $content | printf "%s\n")) -}}
{{- end -}}
{{- $configs = append $configs $config -}}
{{- end -}}
{{- toYaml $configs -}}
{{- end -}}

{{- /* Requests and limits of one container, without empty halves. GPUs stand under limits alone: the request follows.
       {{ include "model.resources" (list $block.resources (dict "nvidia.com/gpu" "8")) }} */ -}}
{{- define "model.resources" -}}
{{- $given := index . 0 | default dict -}}
{{- $resources := dict -}}
{{- with $given.requests -}}
{{- $_ := set $resources "requests" . -}}
{{- end -}}
{{- with merge (dict) (index . 1) ($given.limits | default dict) -}}
{{- $_ := set $resources "limits" . -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- /* Environment of one component, name to text; the user's own variables win.
       {{ include "model.env" (list . $block.env $configs) }} */ -}}
{{- define "model.env" -}}
{{- $root := index . 0 -}}
{{- $env := dict -}}
{{- /* Not HF_HUB_OFFLINE beside it: engines load from a folder and ask for nothing there, and a draft model is still fetched. */ -}}
{{- if include "model.downloaded" $root -}}
{{- $_ := set $env "HF_HOME" $root.Values.cache.mountPath -}}
{{- end -}}
{{- range index . 2 -}}
{{- $_ := set $env .env .path -}}
{{- end -}}
{{- range $name, $value := index . 1 -}}
{{- $_ := set $env $name (toString $value) -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}
