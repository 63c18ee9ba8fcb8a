{{- /* Name of every object, and of the Service that workers are told. The release name of this chart is the same where recipegen
       installs it, and the graph's in the parent chart. {{ include "model-express.name" . }} */ -}}
{{- define "model-express.name" -}}
{{- .Values.global.graph | default .Release.Name }}-model-express
{{- end -}}

{{- /* Labels by which Service and Deployment find the pod: {{ include "model-express.selectorLabels" . }} */ -}}
{{- define "model-express.selectorLabels" -}}
app.kubernetes.io/name: model-express
app.kubernetes.io/instance: {{ .Values.global.graph | default .Release.Name | quote }}
app.kubernetes.io/component: "model-express"
{{- end -}}

{{- /* Labels of one object or pod: {{ include "model-express.labels" . }} */ -}}
{{- define "model-express.labels" -}}
{{ include "model-express.selectorLabels" . }}
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Not empty when the server keeps what it knows in the cluster's own objects: {{ include "model-express.inCluster" . }} */ -}}
{{- define "model-express.inCluster" -}}
{{- $redis := .Values.redis -}}
{{- if eq .Values.metadata "kubernetes" -}}
true
{{- else if eq (empty $redis.url) (empty $redis.secret) -}}
{{- fail "redis needs either url or secret where metadata is redis" -}}
{{- end -}}
{{- end -}}
