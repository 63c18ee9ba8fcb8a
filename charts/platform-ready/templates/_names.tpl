{{- /* Name of every object: {{ include "platform-ready.name" . }} */ -}}
{{- define "platform-ready.name" -}}
{{- .Release.Name -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "platform-ready.labels" . }} */ -}}
{{- define "platform-ready.labels" -}}
app.kubernetes.io/name: platform-ready
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: "platform"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{- /* The graph that is tried, the smallest that the operator's webhook takes; it is never created. A webhook looks at the
       image's tag, so that is the operator's own release. {{ include "platform-ready.graph" . | fromYaml }} */ -}}
{{- define "platform-ready.graph" -}}
apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeployment
metadata:
  name: {{ include "platform-ready.name" . | quote }}
spec:
  components:
    - name: frontend
      type: frontend
      replicas: 1
      podTemplate:
        spec:
          containers:
            - name: main
              image: {{ printf "nvcr.io/nvidia/ai-dynamo/dynamo-frontend:%s" .Values.version | quote }}
{{- end -}}
