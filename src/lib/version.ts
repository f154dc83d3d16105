/** Made from package.json by `npm run build`. */
export const VERSION = '0.1.0';
