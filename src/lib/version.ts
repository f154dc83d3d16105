/** Made from package.json by `npm run build`. */
export const VERSION = '1.0.0';
