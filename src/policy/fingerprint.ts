/** The hex digits of a fingerprint, which is `sha256:<hex>` or plain hex: as the wire and segments have it. */
export function fingerprintHex(fingerprint: string): string {
  return fingerprint.replace(/^sha256:/, '');
}
