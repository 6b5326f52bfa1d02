// Why: an unauthenticated sender chooses the size of the body, so it is counted while it is read.

/** The body's bytes, or undefined as soon as it is larger than `bytesMax`. */
export async function readBounded(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > bytesMax) return undefined;
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > bytesMax) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks);
}
