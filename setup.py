"""Turns the decoder of packets and the scanner of logs into compiled modules where there is a C compiler."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = {
    "collectors.capture": ("links", "internet", "headers", "records", "lifecycle", "kernel"),
    "collectors.live": ("blocks",),
    "collectors.formats": ("scan_numbers", "scan_text", "scan_grammar", "scan_json", "scan_separated"),
}
"""Package -> its modules that are compiled, each after those that it calls."""


class OptionalBuild(build_ext):
    """A build_ext whose failure is one line, not the end of the installation (`optional=True` does not cover it)."""

    def run(self) -> None:
        """Compile, or say that captures and logs will be read by the uncompiled modules."""
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
            sys.stderr.write(f"podfence: no compiled decoder ({fault}); captures and logs will be read more slowly\n")

    def _forget(self, *, inplace: bool) -> None:
        """Remove what was compiled, now or earlier: these modules work all compiled or all as they are."""
        for extension in self.extensions:
            package = extension.name.rpartition(".")[0]
            folder = Path(self.get_finalized_command("build_py").get_package_dir(package))
            built = Path(self.get_ext_fullpath(extension.name))
            for file in (built, folder / built.name) if inplace else (built,):
                file.unlink(missing_ok=True)


setup(
    ext_modules=[
        Extension(
            f"{package}.{module}",
            [f"{package.replace('.', '/')}/{module}.py"],
            extra_compile_args=["-O3", "-g0", "-fno-strict-aliasing"],
        )
        for package, modules in COMPILED.items()
        for module in modules
    ],
    cmdclass={"build_ext": OptionalBuild},
)
