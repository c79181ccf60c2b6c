/** The end of what a command wrote, whatever it wrote. */
export interface OutputTail {
  push(chunk: Buffer): void;
  text(): string;
}

/** An error is said last, and the last lines tell it. */
const keptBytes = 4096;
const headerBytes = 8;

/**
 * Docker's stream of an exec without a terminal: frames of [stream, 0, 0, 0, length as 4 bytes big endian] and payload, cut into
 * chunks anywhere. Both streams in their order. Source: Docker Engine API, ContainerAttach.
 */
export function tailOf(limit = keptBytes): OutputTail {
  let header = Buffer.alloc(0);
  let due = 0;
  let kept = Buffer.alloc(0);
  let isCut = false;
  const keep = (payload: Buffer): void => {
    kept = Buffer.concat([kept, payload.subarray(-limit)]);
    isCut ||= payload.length > limit || kept.length > limit;
    kept = kept.subarray(-limit);
  };
  return {
    push(chunk) {
      let rest = chunk;
      while (rest.length > 0) {
        if (due === 0) {
          const missing = headerBytes - header.length;
          header = Buffer.concat([header, rest.subarray(0, missing)]);
          rest = rest.subarray(missing);
          if (header.length < headerBytes) return;
          due = header.readUInt32BE(4);
          header = Buffer.alloc(0);
        }
        const payload = rest.subarray(0, due);
        keep(payload);
        due -= payload.length;
        rest = rest.subarray(payload.length);
      }
    },
    text: () => `${isCut ? '…' : ''}${kept.toString('utf8').trim()}`,
  };
}
