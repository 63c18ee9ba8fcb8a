{{- /* Name of the graph that is looked at. The release name of this chart is another: {{ include "troubleshooting.graph" . }} */ -}}
{{- define "troubleshooting.graph" -}}
{{- .Values.global.graph | default .Release.Name -}}
{{- end -}}

{{- /* Name of every object but the Job: {{ include "troubleshooting.name" . }} */ -}}
{{- define "troubleshooting.name" -}}
{{- printf "%s-troubleshooting" (include "troubleshooting.graph" .) -}}
{{- end -}}

{{- /* Name of what belongs to the whole cluster, where other namespaces have such graphs too:
       {{ include "troubleshooting.clusterName" . }} */ -}}
{{- define "troubleshooting.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "troubleshooting.name" .) -}}
{{- end -}}

{{- /* Labels of one object or pod: {{ include "troubleshooting.labels" . }} */ -}}
{{- define "troubleshooting.labels" -}}
app.kubernetes.io/name: troubleshooting
app.kubernetes.io/instance: {{ include "troubleshooting.graph" . | quote }}
app.kubernetes.io/component: "troubleshooting"
app.kubernetes.io/part-of: dynamo
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The Python files, path under /scripts to text: {{ include "troubleshooting.scripts" . | fromYaml }} */ -}}
{{- define "troubleshooting.scripts" -}}
{{- range $path, $_ := .Files.Glob "files/**.py" }}
{{ trimPrefix "files/" $path | quote }}: {{ $.Files.Get $path | quote }}
{{- end }}
{{- end -}}
