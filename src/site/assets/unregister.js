/*
 * Served where a browser asks for a service worker that does not exist here: one of a site that was served at this
 * address before still answers for this one. This script replaces it, unregisters itself, and reloads its pages.
 */
'use strict';
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => {
  const leave = async () => {
    await self.registration.unregister();
    const pages = await self.clients.matchAll({ type: 'window' });
    await Promise.allSettled(pages.map((page) => page.navigate(page.url)));
  };
  event.waitUntil(leave());
});
