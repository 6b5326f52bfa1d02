// Why: bundles of certificates come from kubeconfigs, Secrets and ConfigMaps, some of them written by tenants, and all must be
// taken apart alike.

// No dash stands between the two lines, so a text of nothing but first lines is read once and not once for each.
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM bundle, each as a text of its own; whatever else stands there is passed over. */
export function findCertificates(bundle: string): string[] {
  return bundle.match(block) ?? [];
}
