import { defineConfig } from 'vite'

export default defineConfig({
  server: {
    host: '127.0.0.1',
    // An object keeps the Host header; a string would replace it. See the example `react`.
    proxy: { '/rooms': { target: process.env.COLOCATE_URL ?? 'http://127.0.0.1:3000' } },
  },
})
