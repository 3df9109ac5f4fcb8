import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    proxy: {
      // An object, not a string: a string also sets `changeOrigin`, which replaces the Host header by the target's. The server
      // compares Host with Origin, so outside of open mode it would refuse every move.
      '/rooms': { target: process.env.COLOCATE_URL ?? 'http://127.0.0.1:3000' },
    },
  },
})
