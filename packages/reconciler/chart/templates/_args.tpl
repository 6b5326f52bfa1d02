{{/* The command line (packages/reconciler/flags.ts). */}}
{{- define "runlet.args" -}}
args:
  - --log-level={{ .Values.flags.logLevel }}
  - --probe-port={{ include "runlet.probePort" . }}
  - --metrics-addr={{ dig "controllerManagerAddr" "" (.Values.metrics | default dict) | default "0" }}
  # Always: an update has two replicas for a moment too.
  - --enable-leader-election
  - --leader-election-id={{ include "runlet.fullname" . }}
  - --update-strategy={{ .Values.flags.updateStrategy | default "immediate" }}
  {{- range (include "runlet.namespaces" . | fromYaml).all }}
  - --namespace={{ . }}
  {{- end }}
  {{- range .Values.flags.excludeLabelPropagationPrefixes }}
  - --exclude-label-propagation-prefix={{ . }}
  {{- end }}
{{- end }}
