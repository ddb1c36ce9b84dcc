"""Turns the decoder in collectors/capture into compiled modules where there is a C compiler; else it runs as it is."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class OptionalBuild(build_ext):
    """A build_ext whose failure is one line, not the end of the installation (`optional=True` does not cover it)."""

    def run(self) -> None:
        """Compile, or say that captures will be read by the uncompiled module."""
        inplace = self.inplace  # setuptools forgets it while it builds
        try:
            from Cython.Build import cythonize

            self.extensions = cythonize(
                self.extensions,
                build_dir="build/cython",
                compiler_directives={
                    "language_level": 3,
                    "annotation_typing": True,
                    "cdivision": True,
                    "wraparound": False,
                    "boundscheck": False,  # tests fence the uncompiled kernel instead: its pointers are arrays there
                    "initializedcheck": False,
                },
            )
            for extension in self.extensions:
                extension._needs_stub = False  # noqa: SLF001 - what setuptools wants of extensions it did not make
            super().run()
        except Exception as fault:  # noqa: BLE001 - whatever a compiler or its absence may raise
            self._forget(inplace=bool(inplace))
            sys.stderr.write(f"podfence: no compiled decoder ({fault}); captures will be read more slowly\n")

    def _forget(self, *, inplace: bool) -> None:
        """Remove what was compiled, now or earlier: these modules work all compiled or all as they are."""
        folder = Path(self.get_finalized_command("build_py").get_package_dir("collectors.capture"))
        for extension in self.extensions:
            built = Path(self.get_ext_fullpath(extension.name))
            for file in (built, folder / built.name) if inplace else (built,):
                file.unlink(missing_ok=True)


setup(
    ext_modules=[
        Extension(
            f"collectors.capture.{module}",
            [f"collectors/capture/{module}.py"],
            extra_compile_args=["-O3", "-g0", "-fno-strict-aliasing"],
        )
        for module in ("links", "internet", "headers", "records", "lifecycle", "kernel")
    ],
    cmdclass={"build_ext": OptionalBuild},
)
