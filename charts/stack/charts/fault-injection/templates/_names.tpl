{{- /* Name of the graph that is broken. The release name of this chart is another: {{ include "fault-injection.graph" . }} */ -}}
{{- define "fault-injection.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Name of all objects but the Job: {{ include "fault-injection.name" . }} */ -}}
{{- define "fault-injection.name" -}}
{{- include "fault-injection.graph" . }}-fault-injection
{{- end -}}

{{- /* Name of what stands outside of namespaces: {{ include "fault-injection.clusterName" . }} */ -}}
{{- define "fault-injection.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fault-injection.name" .) -}}
{{- end -}}

{{- /* Labels of one object or pod; the script puts them on what it makes: {{ include "fault-injection.labels" . }} */ -}}
{{- define "fault-injection.labels" -}}
app.kubernetes.io/name: fault-injection
app.kubernetes.io/instance: {{ include "fault-injection.graph" . | quote }}
app.kubernetes.io/component: "fault-injection"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Labels by which the Deployment that reads the volume knows its pods: {{ include "fault-injection.loadLabels" . }} */ -}}
{{- define "fault-injection.loadLabels" -}}
app.kubernetes.io/name: fault-injection
app.kubernetes.io/instance: {{ include "fault-injection.graph" . | quote }}
app.kubernetes.io/component: "storage-load"
{{- end -}}
