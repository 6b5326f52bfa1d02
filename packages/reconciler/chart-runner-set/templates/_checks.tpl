{{/* What the schema cannot say. A CRD checks little of it either, so a mistake would be found by its first job. */}}
{{- define "runner-set.check" -}}
{{- $name := include "runner-set.scaleSetName" . -}}
{{- if gt (len $name) 45 }}
{{- fail (printf "runnerScaleSetName (by default the release's name) is %q, %d characters: at most 45 are allowed" $name (len $name)) }}
{{- end }}
{{- if gt (len (include "runner-set.namespace" .)) 63 }}
{{- fail (printf "the namespace %q has more than 63 characters" (include "runner-set.namespace" .)) }}
{{- end }}
{{- if and (not (kindIs "invalid" .Values.maxRunners)) (gt (int .Values.minRunners) (int .Values.maxRunners)) }}
{{- fail (printf "minRunners %d is more than maxRunners %d" (int .Values.minRunners) (int .Values.maxRunners)) }}
{{- end }}
{{- if not (include "runner-set.runner" .) }}
{{- fail "template.spec.containers has no container named \"runner\": it is the one in which jobs run" }}
{{- end }}
{{- if eq (include "runner-set.mode" .) "kubernetes" }}
{{- $hasWork := false }}
{{- range .Values.template.spec.volumes }}{{ if eq .name "work" }}{{ $hasWork = true }}{{ end }}{{ end }}
{{- if not (or $hasWork .Values.containerMode.kubernetesModeWorkVolumeClaim) }}
{{- fail "containerMode.type kubernetes needs containerMode.kubernetesModeWorkVolumeClaim, or a volume named \"work\" in template.spec.volumes" }}
{{- end }}
{{- end }}
{{- with .Values.githubServerTLS }}
{{- if not (dig "configMapKeyRef" "key" "" (.certificateFrom | default dict)) }}
{{- fail "githubServerTLS needs certificateFrom.configMapKeyRef.name and .key" }}
{{- end }}
{{- end }}
{{- end }}
{{/* Asked first wherever something else may be missing, too. */}}
{{- define "runner-set.configUrl" -}}
{{- required "githubConfigUrl is required: the URL of a repository, an organization or an enterprise" .Values.githubConfigUrl | trimSuffix "/" -}}
{{- end }}
