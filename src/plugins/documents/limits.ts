/** Documents and schemas come from outside: what one may cost. */
export const limits = {
  /** Of a document, as JSON without spaces. */
  documentBytes: 1024 * 1024,
  schemaBytes: 256 * 1024,
  depth: 64,
  /** Of one plugin. */
  backups: 200,
  /** Of all documents and schemas together, which are held in memory. */
  totalBytes: 256 * 1024 * 1024,
  /** Plugins that have a document or a schema. */
  plugins: 10_000,
  /** Of what a plugin says to a revision. */
  messageChars: 4096,
} as const;
