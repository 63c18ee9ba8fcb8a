{{- /* Prints nothing; refuses what would scale nothing, or twice: {{ include "scaling.check" . }} */ -}}
{{- define "scaling.check" -}}
{{- if gt (len (list .Values.hpa .Values.keda .Values.planner | compact)) 1 -}}
{{- fail "two autoscalers on one role fight: keep one of hpa, keda and planner" -}}
{{- end -}}
{{- $_ := required "maxReplicas is missing: the most replicas there may be" .Values.maxReplicas -}}
{{- if .Values.keda -}}
{{- $_ := required "perWorker is missing: the requests in flight that a replica is meant to have" .Values.perWorker -}}
{{- if not (or .Values.keda.prometheus .Values.keda.queue) -}}
{{- fail "keda reads nothing: write keda.prometheus or keda.queue" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Name of what scales, and of what is scaled: the adapter that Dynamo's operator makes for a component with
       `scalingAdapter`, called after graph and component. {{ include "scaling.name" . }} */ -}}
{{- define "scaling.name" -}}
{{- printf "%s-%s" (include "scaling.graph" .) (.Values.role | default "worker") -}}
{{- end -}}

{{- /* Replicas at least. Zero is a number of replicas too, so `default` will not do: {{ include "scaling.least" . }} */ -}}
{{- define "scaling.least" -}}
{{- hasKey .Values "minReplicas" | ternary .Values.minReplicas 1 | int64 -}}
{{- end -}}

{{- /* Reference to what is scaled. The graph itself has no scale subresource. {{ include "scaling.target" . }} */ -}}
{{- define "scaling.target" -}}
apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeploymentScalingAdapter
name: {{ include "scaling.name" . | quote }}
{{- end -}}
