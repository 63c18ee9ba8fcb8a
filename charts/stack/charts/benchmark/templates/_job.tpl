{{- /* Spec of the Job: {{ include "benchmark.jobSpec" . }} */ -}}
{{- define "benchmark.jobSpec" -}}
{{- $trace := (include "benchmark.config" . | fromYaml).trace | default dict -}}
{{- $lines := include "benchmark.lines" . -}}
# A second try would measure a graph that the first one has warmed up, and hide its failure.
backoffLimit: 0
activeDeadlineSeconds: {{ int64 .Values.deadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "benchmark.labels" . | nindent 6 }}
    annotations:
      {{- with .Values.global.modelDigest }}
      # Part of the Job's name by way of this text, so that another model is measured anew.
      checksum/model: {{ . | quote }}
      {{- end }}
      checksum/script: {{ .Files.Get "files/run.py" | sha256sum }}
      {{- with $lines }}
      checksum/trace: {{ . | sha256sum }}
      {{- end }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      fsGroup: 1000
      fsGroupChangePolicy: OnRootMismatch
      seccompProfile:
        type: RuntimeDefault
    {{- if .Values.install }}
    initContainers:
      - name: install
        image: {{ .Values.image | quote }}
        imagePullPolicy: IfNotPresent
        command: [pip, install, --no-cache-dir, --quiet, --target, /scratch/aiperf, {{ printf "aiperf==%s" .Values.aiperfVersion | quote }}]
        env:
          - name: HOME
            value: /scratch
          {{- include "benchmark.ownEnv" . | nindent 10 }}
        resources:
          {{- include "benchmark.resources" . | nindent 10 }}
        securityContext:
          {{- include "benchmark.securityContext" . | nindent 10 }}
        volumeMounts:
          - name: scratch
            mountPath: /scratch
          - name: tmp
            mountPath: /tmp
    {{- end }}
    containers:
      - name: aiperf
        image: {{ .Values.image | quote }}
        imagePullPolicy: IfNotPresent
        command: [python3, /scripts/run.py]
        env:
          {{- include "benchmark.env" . | nindent 10 }}
          {{- include "benchmark.ownEnv" . | nindent 10 }}
        envFrom:
          # The tokenizer of a gated model needs it; without a name, Dynamo's customary one.
          - secretRef:
              name: {{ .Values.global.huggingFaceTokenSecret | default "hf-token-secret" | quote }}
              optional: true
        resources:
          {{- include "benchmark.resources" . | nindent 10 }}
        securityContext:
          {{- include "benchmark.securityContext" . | nindent 10 }}
        volumeMounts:
          - name: script
            mountPath: /scripts
            readOnly: true
          {{- if $trace.configMapRef }}
          - name: trace
            mountPath: /trace
            readOnly: true
          {{- end }}
          - name: results
            mountPath: /results
          - name: scratch
            mountPath: /scratch
          - name: tmp
            mountPath: /tmp
    volumes:
      - name: script
        configMap:
          name: {{ printf "%s-benchmark" (include "benchmark.graph" .) | quote }}
      {{- with $trace.configMapRef }}
      - name: trace
        configMap:
          name: {{ .name | quote }}
      {{- end }}
      - name: results
        {{- if include "benchmark.claim" . }}
        persistentVolumeClaim:
          claimName: {{ include "benchmark.claim" . | quote }}
        {{- else }}
        emptyDir: {}
        {{- end }}
      - name: scratch
        emptyDir: {}
      - name: tmp
        emptyDir: {}
{{- end -}}

{{- /* What the script is told: {{ include "benchmark.env" . }} */ -}}
{{- define "benchmark.env" -}}
- name: AIPERF
  value: {{ .Values.install | ternary "/scratch/aiperf/bin/aiperf" "aiperf" }}
- name: CONFIG
  value: {{ include "benchmark.settings" . | quote }}
{{- with .Values.gpus }}
- name: GPUS
  value: {{ int64 . | quote }}
{{- end }}
- name: GRAPH
  value: {{ include "benchmark.graph" . | quote }}
{{- with .Values.headers }}
- name: HEADERS
  value: {{ toJson . | quote }}
{{- end }}
- name: HOME
  value: /scratch
- name: IMAGE
  value: {{ .Values.image | quote }}
- name: MODEL
  value: {{ .Values.global.model | default "" | quote }}
{{- with .Values.global.modelDigest }}
- name: MODEL_DIGEST
  value: {{ . | quote }}
{{- end }}
{{- if .Values.install }}
- name: PYTHONPATH
  value: /scratch/aiperf
{{- end }}
- name: RESULTS
  value: /results
{{- with .Values.global.tokenizer }}
- name: TOKENIZER
  value: {{ . | quote }}
{{- end }}
# The pod's own name, so that what another one left on the volume stays.
- name: RUN
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: TARGETS
  value: {{ toJson .Values.targets | quote }}
{{- with include "benchmark.traceFile" . }}
- name: TRACE
  value: {{ . | quote }}
{{- end }}
- name: URL
  value: {{ .Values.url | default (printf "http://%s-frontend:8000" (include "benchmark.graph" .)) | quote }}
{{- end -}}

{{- /* The recipe's own variables: {{ include "benchmark.ownEnv" . }} */ -}}
{{- define "benchmark.ownEnv" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name | quote }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- /* Requests and limits of a container: {{ include "benchmark.resources" . }} */ -}}
{{- define "benchmark.resources" -}}
requests:
  cpu: "2"
  memory: 4Gi
  ephemeral-storage: 4Gi
limits:
  memory: 4Gi
{{- end -}}

{{- /* What a container may do: {{ include "benchmark.securityContext" . }} */ -}}
{{- define "benchmark.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
