/** Messages of gRPC as they follow each other in bytes: a flag, a length of four bytes, the message. */
const headBytes = 5;

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(headBytes + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, headBytes);
  return frame;
}

/** Takes bytes as they come and gives the messages that are whole. */
export function createFrames(): { take(bytes: Uint8Array): readonly Buffer[] } {
  let rest = Buffer.alloc(0);
  return {
    take(bytes) {
      rest = rest.byteLength === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
      const whole: Buffer[] = [];
      while (rest.byteLength >= headBytes && rest.byteLength >= headBytes + rest.readUInt32BE(1)) {
        const end = headBytes + rest.readUInt32BE(1);
        whole.push(rest.subarray(headBytes, end));
        rest = rest.subarray(end);
      }
      return whole;
    },
  };
}
