/** ncc comes without types: these are of its README's section on use from Node.js, as far as we use it. */
declare module '@vercel/ncc' {
  interface Options {
    readonly cache: false;
    readonly externals: Readonly<Record<string, string>>;
    readonly license: string;
    readonly minify: boolean;
    readonly quiet: boolean;
    readonly target: string;
  }
  interface Bundle {
    readonly code: string;
    readonly assets: Readonly<Record<string, { readonly source: string | Buffer }>>;
  }
  export default function ncc(input: string, options: Options): Promise<Bundle>;
}
