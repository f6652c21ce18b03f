// Scripts and styles in files of their own, so that each is an asset.
export default {
    outDir: './site',
    build: { inlineStylesheets: 'never' },
    vite: { build: { assetsInlineLimit: 0 } },
};
