module.exports = {
    title: 'Handbook',
    url: 'https://example.com',
    baseUrl: '/',
    favicon: 'img/logo.svg',
    trailingSlash: false, // so that its links are Cloudflare's addresses
    onBrokenLinks: 'throw',
    presets: [['classic', { docs: { sidebarPath: undefined }, blog: false }]],
    themeConfig: { navbar: { title: 'Handbook', logo: { src: 'img/logo.svg' }, items: [{ to: '/docs/intro', label: 'Docs' }] } },
};
