{{- /* Spec of the Job: {{ include "benchmark.jobSpec" . }} */ -}}
{{- define "benchmark.jobSpec" -}}
{{- $config := include "benchmark.config" . | fromYaml -}}
# A second try would measure a graph that the first one has warmed up, and hide its failure.
backoffLimit: 0
activeDeadlineSeconds: 21600
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
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 1000
      runAsGroup: 1000
      fsGroup: 1000
      seccompProfile:
        type: RuntimeDefault
    initContainers:
      - name: install
        image: "python:3.12.11-slim"
        imagePullPolicy: IfNotPresent
        command: [pip, install, --no-cache-dir, --quiet, --target, /scratch/aiperf, aiperf==0.13.0]
        env:
          - name: HOME
            value: /scratch
        resources:
          {{- include "benchmark.resources" . | nindent 10 }}
        securityContext:
          {{- include "benchmark.securityContext" . | nindent 10 }}
        volumeMounts:
          - name: scratch
            mountPath: /scratch
          - name: tmp
            mountPath: /tmp
    containers:
      - name: aiperf
        image: "python:3.12.11-slim"
        imagePullPolicy: IfNotPresent
        command: [python, /scripts/run.py]
        env:
          - name: AIPERF
            value: /scratch/aiperf/bin/aiperf
          - name: CONCURRENCY
            value: {{ include "benchmark.numbers" $config.concurrency | quote }}
          - name: HOME
            value: /scratch
          - name: ISL
            value: {{ int64 $config.isl | quote }}
          - name: MODEL
            value: {{ .Values.global.model | default "" | quote }}
          - name: OSL
            value: {{ int64 $config.osl | quote }}
          - name: PYTHONPATH
            value: /scratch/aiperf
          - name: REQUESTS_PER_CONCURRENCY
            value: {{ int64 $config.requestsPerConcurrency | quote }}
          - name: RESULTS
            value: /scratch/results
          - name: URL
            value: {{ printf "http://%s-frontend:8000" (include "benchmark.graph" .) | quote }}
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
          - name: scratch
            mountPath: /scratch
          - name: tmp
            mountPath: /tmp
    volumes:
      - name: script
        configMap:
          name: {{ printf "%s-benchmark" (include "benchmark.graph" .) | quote }}
      - name: scratch
        emptyDir: {}
      - name: tmp
        emptyDir: {}
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

{{- /* Numbers, separated by spaces: {{ include "benchmark.numbers" (list 1 8 32) }} */ -}}
{{- define "benchmark.numbers" -}}
{{- $words := list -}}
{{- range . -}}
{{- $words = append $words (int64 . | toString) -}}
{{- end -}}
{{- join " " $words -}}
{{- end -}}
