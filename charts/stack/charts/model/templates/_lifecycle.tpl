{{- /* Annotations by which the operator replaces pods of Deployments; it copies those of the graph to every component. The
       numbers are texts there: {{ include "model.rollout" . }} */ -}}
{{- define "model.rollout" -}}
{{- $rollout := .Values.rollout | default dict -}}
{{- if hasKey $rollout "maxSurge" }}
nvidia.com/deployment-rolling-update-max-surge: {{ include "model.share" $rollout.maxSurge | quote }}
{{- end }}
{{- if hasKey $rollout "maxUnavailable" }}
nvidia.com/deployment-rolling-update-max-unavailable: {{ include "model.share" $rollout.maxUnavailable | quote }}
{{- end }}
{{- end -}}

{{- /* A number of pods, or a share of them: {{ include "model.share" "50%" }} */ -}}
{{- define "model.share" -}}
{{- kindIs "string" . | ternary . (int64 . | toString) -}}
{{- end -}}

{{- /* Whether a forwarder stands beside the frontend; prints something or nothing: {{ if include "model.forwarded" . }} */ -}}
{{- define "model.forwarded" -}}
{{- if and .Values.forwarder.enabled .Values.forwarder.image -}}
true
{{- end -}}
{{- end -}}

{{- /* Name of the forwarder's configuration and of its Service: {{ include "model.forwarder" . }} */ -}}
{{- define "model.forwarder" -}}
{{- printf "%s-forwarder" (include "model.graph" .) -}}
{{- end -}}

{{- /* The forwarder's configuration, in the form of LLM Engine's service--http_forwarder.yaml:
       {{ include "model.forwarderConfig" . }} */ -}}
{{- define "model.forwarderConfig" -}}
{{- $sync := .Values.forwarder.syncRoutes -}}
{{- $stream := .Values.forwarder.streamRoutes -}}
{{- $target := dict "user_port" (int64 .Values.forwarder.targetPort) "user_hostname" "localhost" "healthcheck_route" .Values.forwarder.targetHealthRoute "model_engine_unwrap" true -}}
forwarder:
  max_concurrency: {{ int64 .Values.forwarder.maxConcurrency }}
  stream:
    {{- merge (dict "predict_route" (first $stream) "extra_routes" (rest $stream) "serialize_results_as_string" false) $target | toYaml | nindent 4 }}
  sync:
    {{- merge (dict "predict_route" (first $sync) "extra_routes" (rest $sync) "serialize_results_as_string" true "forward_http_status" true "use_grpc" false) $target | toYaml | nindent 4 }}
{{- end -}}

{{- /* The container beside the frontend. Requests and limits are LLM Engine's: {{ include "model.forwarderContainer" . }} */ -}}
{{- define "model.forwarderContainer" -}}
{{- $port := int64 .Values.forwarder.port -}}
name: http-forwarder
image: {{ .Values.forwarder.image | quote }}
imagePullPolicy: IfNotPresent
command:
  {{- range .Values.forwarder.command }}
  - {{ . | quote }}
  {{- end }}
args:
  - "--config"
  - "/etc/http-forwarder/http_forwarder.yaml"
  - "--port"
  - {{ $port | quote }}
  - "--num-workers"
  - {{ int64 .Values.forwarder.workers | quote }}
ports:
  - name: forwarder
    containerPort: {{ $port }}
readinessProbe:
  httpGet:
    path: {{ .Values.forwarder.healthRoute | quote }}
    port: forwarder
  periodSeconds: 5
  timeoutSeconds: 5
resources:
  requests:
    cpu: 100m
    memory: 100M
    ephemeral-storage: 100M
  limits:
    cpu: "1"
    memory: 2Gi
    ephemeral-storage: 1G
securityContext:
  allowPrivilegeEscalation: false
volumeMounts:
  - name: forwarder
    mountPath: /etc/http-forwarder
    readOnly: true
{{- end -}}
