/** The little of rolldown 1 that `bundle.ts` uses: its own types are those of a whole build system. */
declare module 'rolldown' {
  export interface EmittedChunk {
    readonly type: 'chunk';
    readonly id: string;
    /** From which module `id` is named. */
    readonly importer?: string;
    /** Where it goes, below the output directory. */
    readonly fileName: string;
  }

  /** A file that is written as it is. */
  export interface EmittedAsset {
    readonly type: 'asset';
    readonly fileName: string;
    readonly source: string;
  }

  export interface PluginContext {
    emitFile(file: EmittedChunk | EmittedAsset): string;
  }

  export interface Plugin {
    readonly name: string;
    transform(this: PluginContext, code: string, id: string): { readonly code: string; readonly map: null } | undefined;
  }

  export interface Output {
    readonly fileName: string;
    /** The files that went into it; absent of an asset. */
    readonly moduleIds?: readonly string[];
  }

  export interface Bundle {
    write(
      options: {
        readonly format: 'es' | 'cjs';
        readonly comments?: boolean;
        readonly minify?: boolean;
        readonly codeSplitting?: boolean | { readonly groups: readonly { readonly name: string; readonly test: RegExp }[] };
      } & ({ readonly dir: string; readonly entryFileNames: string; readonly chunkFileNames: string } | { readonly file: string }),
    ): Promise<{ readonly output: readonly Output[] }>;
    close(): Promise<void>;
  }

  export function rolldown(options: {
    readonly input: Readonly<Record<string, string>> | string;
    readonly platform: 'node' | 'browser';
    readonly plugins?: readonly Plugin[];
    readonly tsconfig?: string;
    readonly transform?: { readonly define: Readonly<Record<string, string>> };
    readonly treeshake?: { readonly moduleSideEffects: (id: string) => boolean };
    readonly onLog?: (level: string, log: { readonly message: string }) => void;
  }): Promise<Bundle>;
}
