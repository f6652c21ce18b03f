export default {
    base: '/repo/',
    cleanUrls: true,
    title: 'A project',
    head: [['link', { rel: 'icon', href: '/repo/logo.svg' }]],
    themeConfig: {
        logo: '/logo.svg',
        nav: [{ text: 'Guide', link: '/guide/' }, { text: 'About', link: '/about' }],
        sidebar: [{ text: 'Guide', items: [{ text: 'Start', link: '/guide/' }, { text: 'Files', link: '/guide/files' }] }],
    },
};
